import { expect, it } from "vitest";

import { csv } from "./csv";

it("cells are quoted where they have to be, and are never formulas", () => {
  expect(csv([["number", "name"], ["1", 'say "hi", twice'], ["2", "two\nlines"], ["3", "=1+1"], ["4", "-rf"]])).toBe(
    'number,name\r\n1,"say ""hi"", twice"\r\n2,"two\nlines"\r\n3,\'=1+1\r\n4,\'-rf\r\n',
  );
});
