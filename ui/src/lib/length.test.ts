import { expect, it } from "vitest";

import { seconds } from "./length";

it.each([
  ["90s", 90],
  ["1d12h", 129_600],
  [" 12 h ", 43_200],
  ["500ms", 0.5],
  ["2w", 1_209_600],
  ["", undefined],
  ["12", undefined],
  ["12h of peace", undefined],
  ["-5m", undefined],
])("%j is %j seconds", (text, expected) => expect(seconds(text)).toBe(expected));
