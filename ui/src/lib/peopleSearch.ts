// What stands behind the `?` of the addresses of people and settings.

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" && value.length <= 200 ? value : undefined;

export type ProjectsSearch = { edit?: string };

export function projectsSearch(search: Record<string, unknown>): ProjectsSearch {
  const edit = text(search.edit);
  return edit === undefined ? {} : { edit };
}
