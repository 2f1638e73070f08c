// Forms of records keep the version they were opened with, while the page shows what is there now.

import { useState, type ReactNode } from "react";

/**
 * Gives a form the record as it was when the form was opened. `reload` opens it again with what is there now.
 */
export function Opened<T>({
  record,
  fetch,
  children,
}: {
  record: T;
  /** Asks for the record as it is now. */
  fetch: () => Promise<T | undefined>;
  children: (record: T, reload: () => void) => ReactNode;
}) {
  const [opened, setOpened] = useState({ record, times: 0 });
  const reload = async () => {
    const now = await fetch();
    if (now !== undefined) {
      setOpened(({ times }) => ({ record: now, times: times + 1 }));
    }
  };
  return <div key={opened.times}>{children(opened.record, () => void reload())}</div>;
}
