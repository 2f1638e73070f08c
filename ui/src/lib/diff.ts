// What differs between two versions of a record, field by field.

export type Difference = { path: string; before: string | undefined; after: string | undefined };

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

const isPlain = (values: readonly unknown[]) => values.every((value) => typeof value !== "object" || value === null);

/** Lists of records differ record by record; lists of texts and numbers as wholes. */
function fieldsOf(value: unknown): Fields | undefined {
  if (isFields(value)) {
    return value;
  }
  return Array.isArray(value) && value.length > 0 && !isPlain(value) ? { ...value } : undefined;
}

function told(value: unknown): string | undefined {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) {
    return undefined;
  }
  if (Array.isArray(value) && isPlain(value)) {
    return value.map(String).join("\n");
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The fields whose values differ, in the order in which they stand. */
export function differences(before: unknown, after: unknown, path = ""): Difference[] {
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  if (old === undefined && now === undefined) {
    const [was, is] = [told(before), told(after)];
    return was === is ? [] : [{ path, before: was, after: is }];
  }
  if ((old === undefined && told(before) !== undefined) || (now === undefined && told(after) !== undefined)) {
    return [{ path, before: told(before), after: told(after) }];
  }
  const names = new Set([...Object.keys(old ?? {}), ...Object.keys(now ?? {})]);
  return [...names].flatMap((name) => differences(old?.[name], now?.[name], path === "" ? name : `${path}.${name}`));
}
