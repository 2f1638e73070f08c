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

type Speech = { language: Language; texts: Texts; speak: (language: Language) => void };

const Context = createContext<Speech | null>(null);

/** Gives everything within the words of the person's language. */
export function TextsProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(first);
  document.documentElement.lang = language;
  const speech = useMemo<Speech>(
    () => ({
      language,
      texts: languages[language],
      speak: (chosen) => {
        localStorage.setItem(KEPT, chosen);
        setLanguage(chosen);
      },
    }),
    [language],
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
