import { useLocation } from "@tanstack/react-router";
import { useEffect, useRef, type ReactNode } from "react";

import { arrive } from "../lib/focus";

type Props = {
  /** Which part of what the heading names is shown. */
  part?: string | undefined;
  className: string;
  children: ReactNode;
};

/** The first heading of a page. It is what the browser calls the page, and where the keyboard is after going there. */
export function Heading({ part, className, children }: Props) {
  const place = useRef<HTMLHeadingElement>(null);
  const isNew = useRef(true);
  const path = useLocation({ select: ({ pathname }) => pathname });
  useEffect(() => {
    const title = place.current?.textContent ?? "";
    document.title = `${part === undefined ? title : `${part} – ${title}`} · Backstay`;
  });
  useEffect(() => {
    arrive(place.current, isNew.current);
    isNew.current = false;
  }, [path]);
  return (
    <h1 ref={place} tabIndex={-1} className={`outline-none ${className}`}>
      {children}
    </h1>
  );
}
