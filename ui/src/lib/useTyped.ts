import { useCallback, useEffect, useRef, useState } from "react";

/** What is typed is told on after this time without a key. */
const PAUSE = 200;

/**
 * A text that is typed here and kept elsewhere, as in the address: typing never waits for it. The last of what this gives has it
 * kept at once, for when the field is left.
 */
export function useTyped(kept: string, keep: (text: string) => void): [string, (text: string) => void, () => void] {
  const [typed, setTyped] = useState(kept);
  const told = useRef(kept);
  const teller = useRef(keep);
  useEffect(() => {
    teller.current = keep;
  });
  useEffect(() => {
    // Somebody else changed it: a link, or the way back.
    if (kept !== told.current) {
      told.current = kept;
      setTyped(kept);
    }
  }, [kept]);
  const tell = useCallback((text: string) => {
    if (text !== told.current) {
      told.current = text;
      teller.current(text);
    }
  }, []);
  useEffect(() => {
    if (typed === told.current) {
      return;
    }
    const timer = setTimeout(() => tell(typed), PAUSE);
    return () => clearTimeout(timer);
  }, [typed, tell]);
  const settle = () => tell(typed);
  return [typed, setTyped, settle];
}
