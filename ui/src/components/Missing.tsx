import { Link } from "@tanstack/react-router";

import { useTexts } from "../texts";
import { Empty, buttonClass } from "./basics";

export function Missing() {
  const texts = useTexts();
  return (
    <Empty title={texts.problem.missing}>
      <Link to="/" className={buttonClass()}>
        {texts.problem.home}
      </Link>
    </Empty>
  );
}
