/** A number with the word for it, as languages with two forms have it. */
export const plural = (count: number, one: string, many: string): string => (count === 1 ? one : many);
