import type { guide as En } from "../en/guide";

export const guide: typeof En = {};
