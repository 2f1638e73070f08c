import { expect, it } from "vitest";

import { areRenames, renamesOf } from "./mongodb";

it("new names are read line by line, and refused where they are none", () => {
  expect(renamesOf("shop = back\n shop.a.b = back.a.b\n")).toEqual({
    databases: [{ from: "shop", to: "back" }],
    collections: [{ from: "shop.a.b", to: "back.a.b" }],
  });
  expect(renamesOf("")).toEqual({ databases: [], collections: [] });
  expect(["", "shop = back", "shop.a = back.b\n"].map(areRenames)).toEqual([true, true, true]);
  expect(["shop", "shop=back", "shop = ", "shop = back.b", "shop.a = back", " = back", "shop.a = back.", ".a = x.y"].map(areRenames)).toEqual(Array(8).fill(false));
});
