import { Link } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";

import { useTexts } from "../texts";
import { buttonClass } from "./basics";
import { Heading } from "./Heading";

/** The lists of which one thing has a page of its own. */
export type List = "plans" | "runs" | "snapshots" | "sources" | "destinations" | "connections" | "nodes" | "alerts" | "people";

type Props = {
  /** Where it would be found. */
  list?: List | undefined;
};

/** Says that there is nothing at an address, with the ways on. */
export function Missing({ list }: Props) {
  const texts = useTexts();
  return (
    <section className="rounded-lg border border-dashed border-edge p-8 text-center">
      <Heading className="font-semibold">{texts.problem.missing}</Heading>
      {list !== undefined && <p className="mt-1 text-sm text-faint">{texts.problem.missingHint}</p>}
      <div className="mt-4 flex flex-wrap justify-center gap-2">
        {list !== undefined && (
          <Link to={`/${list}`} className={buttonClass("accent")}>
            <ArrowLeft aria-hidden size={16} />
            {texts.pages[list]}
          </Link>
        )}
        <Link to="/" className={buttonClass()}>
          {texts.problem.home}
        </Link>
      </div>
    </section>
  );
}
