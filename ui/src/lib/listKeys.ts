import type { KeyboardEvent } from "react";

const PAGE = 12;

type List = {
  count: number;
  active: number;
  move: (index: number) => void;
  open?: () => void;
  up?: () => void;
  tick?: () => void;
};

/** The keys of a list that is one stop of the keyboard. Keys on controls within it are theirs. */
export function listKeys({ count, active, move, open, up, tick }: List) {
  return (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    const to = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + PAGE,
      PageUp: active - PAGE,
      Home: 0,
      End: count - 1,
    }[event.key];
    const act = { Enter: open, Backspace: up, " ": tick }[event.key];
    if (to !== undefined) {
      move(Math.max(0, Math.min(count - 1, to)));
    } else if (act) {
      act();
    } else {
      return;
    }
    event.preventDefault();
  };
}
