import { shown } from "../lib/shown";

/** A name that somebody gave, with its blanks, and with signs for what one would not see. It turns nothing that is beside it. */
export function Name({ children, className = "whitespace-pre-wrap wrap-anywhere" }: { children: string; className?: string }) {
  return <bdi className={className}>{shown(children)}</bdi>;
}
