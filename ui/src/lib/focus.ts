// Where the keyboard is: on a page's heading after going there, and never nowhere because what had it is gone.

let isUnderWay = false;

/** Another page was asked for. */
export function setOut(): void {
  isUnderWay = true;
}

const isNowhere = () => document.activeElement === document.body || document.activeElement === null;

/** Takes the keyboard to the heading of a page that was gone to. One that stood there before takes it only from nowhere. */
export function arrive(heading: HTMLElement | null, isNew: boolean): void {
  if (isUnderWay && (isNew || isNowhere())) {
    heading?.focus({ preventScroll: true });
  }
  isUnderWay &&= !isNew;
}

const canHave = (element: HTMLElement) => element.isConnected && !element.matches(":disabled");

/** Gives the keyboard back to what has lost it by being switched off for a while, and to the page where what had it is gone. */
export function keepFocus(content: HTMLElement): () => void {
  let last: HTMLElement | undefined;
  const take = ({ target }: FocusEvent) => {
    last = target instanceof HTMLElement ? target : undefined;
  };
  // Who clicks beside everything has left it.
  const leave = () => {
    last = undefined;
  };
  const look = () => {
    if (last !== undefined && isNowhere()) {
      if (canHave(last)) {
        last.focus({ preventScroll: true });
      } else if (!last.isConnected) {
        (content.querySelector<HTMLElement>("h1") ?? content).focus({ preventScroll: true });
      }
    }
  };
  content.addEventListener("focusin", take);
  addEventListener("pointerdown", leave, true);
  const watch = new MutationObserver(look);
  watch.observe(content, { childList: true, subtree: true, attributeFilter: ["disabled"] });
  return () => {
    content.removeEventListener("focusin", take);
    removeEventListener("pointerdown", leave, true);
    watch.disconnect();
  };
}
