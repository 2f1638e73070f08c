import type { Texts } from "../../texts/en";

/** An action in words: `plan.update` is “Plan: changed”. What there are no words for stays as it is. */
export function deedOf(action: string, texts: Texts): string {
  const { kinds, deeds } = texts.people.audit;
  const [kind = "", deed = ""] = action.split(".");
  const [what, done] = [kinds[kind as keyof typeof kinds] as string | undefined, deeds[deed as keyof typeof deeds] as string | undefined];
  return what === undefined || done === undefined ? action : `${what}: ${done}`;
}
