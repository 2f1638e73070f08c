import { useSearch } from "@tanstack/react-router";

/** The project that is looked at, as the address says; none when it is all of them. */
export const useProject = (): string | undefined => useSearch({ from: "__root__" }).project;
