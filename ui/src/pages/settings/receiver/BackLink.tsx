import { Link } from "@tanstack/react-router";

import { useTexts } from "../../../texts";

/** The way back to the receiver. */
export function BackLink() {
  return (
    <p className="mb-1">
      <Link to="/settings/$section" params={{ section: "receiver" }} className="text-sm text-accent hover:underline">
        {useTexts().receiver.state}
      </Link>
    </p>
  );
}
