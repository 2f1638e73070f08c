import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { expect, it } from "vitest";

import { askAgain } from "./events";

it("an answer that was begun before a change is not the last word", async () => {
  const queries = new QueryClient();
  const answers = ["queued", "completed"];
  let [asked, release] = [0, (): void => undefined];
  const observer = new QueryObserver(queries, {
    queryKey: ["runs", "one"],
    queryFn: async () => {
      const told = answers[asked++];
      if (told === "queued") {
        await new Promise<void>((resolve) => (release = resolve));
      }
      return told;
    },
  });
  const end = observer.subscribe(() => undefined);
  expect(asked).toBe(1);
  askAgain(queries, "runs");
  void queries.invalidateQueries({ queryKey: ["runs"] });
  release();
  await expect.poll(() => observer.getCurrentResult().data).toBe("completed");
  end();
});
