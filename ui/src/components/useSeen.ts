import { useEffect, useRef, useState, type RefObject } from "react";

/** Whether something is in sight, so that what nobody sees is not asked for. */
export function useSeen<T extends Element>(): [RefObject<T | null>, boolean] {
  const place = useRef<T>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (element === null) {
      return undefined;
    }
    const watcher = new IntersectionObserver(([entry]) => setSeen(entry?.isIntersecting ?? false), { rootMargin: "200px" });
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  return [place, seen];
}
