import { Fragment } from "react";

import { breaks, shown } from "../lib/shown";

/** A name or path that is too long for its line ends it after a slash first. */
export function Breaking({ children }: { children: string }) {
  return breaks(children).map((part, place) => (
    <Fragment key={place}>
      {place > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}

/** A name that somebody gave, with its blanks, and with signs for what one would not see. It turns nothing that is beside it. */
export function Name({ children, className = "whitespace-pre-wrap wrap-anywhere" }: { children: string; className?: string }) {
  return (
    <bdi className={className}>
      <Breaking>{shown(children)}</Breaking>
    </bdi>
  );
}
