import { expect, it } from "vitest";

import { PAGE, pagesOf } from "./folder";

it("what is in sight is on one page or on several", () => {
  expect(pagesOf(0, 0)).toEqual([0]);
  expect(pagesOf(PAGE - 1, PAGE)).toEqual([0, 1]);
  expect(pagesOf(3 * PAGE, 5 * PAGE - 1)).toEqual([3, 4]);
  expect(pagesOf(7, -1)).toEqual([0]);
});
