import { createContext, use, useMemo, useState, type ReactNode } from "react";

import { withNamesApart } from "../lib/shown";
import { de } from "./de";
import { en, type Texts } from "./en";

export const languages = { en: withNamesApart(en), de: withNamesApart(de) } satisfies Record<string, Texts>;
export type Language = keyof typeof languages;

const KEPT = "backstay-language";

function first(): Language {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wanted.find((tag): tag is Language => tag !== null && tag in languages) ?? "en";
}

/** A language as the person's browser has it, with its country: dates are written otherwise in en-GB than in en-US. */
const localeOf = (language: Language): string => navigator.languages.find((tag) => tag.slice(0, 2) === language) ?? language;

type Speech = {
  chosen: Language;
  /** How numbers and times are written. */
  language: string;
  texts: Texts;
  speak: (language: Language) => void;
};

const Context = createContext<Speech | null>(null);

/** Gives everything within the words of the person's language. */
export function TextsProvider({ children }: { children: ReactNode }) {
  const [chosen, choose] = useState(first);
  document.documentElement.lang = chosen;
  const speech = useMemo<Speech>(
    () => ({
      chosen,
      language: localeOf(chosen),
      texts: languages[chosen],
      speak: (language) => {
        localStorage.setItem(KEPT, language);
        // The pages before this one, as the one to sign in, are in the same language.
        document.cookie = `${KEPT}=${language}; path=/; max-age=31536000; samesite=lax`;
        choose(language);
      },
    }),
    [chosen],
  );
  return <Context value={speech}>{children}</Context>;
}

export function useSpeech(): Speech {
  const speech = use(Context);
  if (speech === null) {
    throw new Error("there is no TextsProvider");
  }
  return speech;
}

export const useTexts = (): Texts => useSpeech().texts;
