import { expect, it } from "vitest";

import { breaks, isolated, listed, shown, withNamesApart } from "./shown";

it("what one would not see in a name is shown", () => {
  expect(shown("plain – ünï 日本語 שלום.txt")).toBe("plain – ünï 日本語 שלום.txt");
  expect(shown("photo\u202egpj.exe")).toBe("photo⟨U+202E⟩gpj.exe");
  expect(shown("a\nb\tc\u007f\u0085")).toBe("a␊b␉c␡⟨U+0085⟩");
  // Joiners are part of scripts and of signs.
  expect(shown("می\u200cخواهم 👩\u200d💻")).toBe("می\u200cخواهم 👩\u200d💻");
});

it("a name that is written the other way leaves the order of its sentence alone", () => {
  expect(isolated("Letters")).toBe("Letters");
  expect(isolated("مرحبا")).toBe("\u2068مرحبا\u2069");
  // It cannot end by itself what sets it apart.
  expect(isolated("\u2069\u202eevil")).toBe("\u2068⟨U+2069⟩⟨U+202E⟩evil\u2069");
  expect(listed(["a", "שלום"])).toBe("a, \u2068שלום\u2069");
});

it("sentences set names apart by themselves", () => {
  const words = withNamesApart({ deep: { gone: (name: string, count: number) => `“${name}” ${count + 1}` }, list: ["a"] as const });
  expect(words.deep.gone("שלום", 1)).toBe("“\u2068שלום\u2069” 2");
  expect(words.list).toEqual(["a"]);
});

it("a path ends its lines after slashes, and is the same when it is put together", () => {
  expect(breaks("/var/lib")).toEqual(["/var/", "lib"]);
  expect(breaks("/home/ada/deep folder/")).toEqual(["/home/", "ada/", "deep folder/"]);
  expect(breaks("s3://bucket//key")).toEqual(["s3://", "bucket//", "key"]);
  expect(breaks("/srv  \u2068/مرحبا/b\u2069")).toEqual(["/srv  \u2068/مرحبا/", "b\u2069"]);
  expect(breaks("Letters")).toEqual(["Letters"]);
  expect(breaks("/")).toEqual(["/"]);
  expect(breaks("")).toEqual([""]);
});
