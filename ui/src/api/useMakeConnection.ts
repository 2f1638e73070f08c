import { useQueryClient } from "@tanstack/react-query";

import { settingsOf } from "../lib/connection";
import type { MadeValues } from "../lib/destination";
import { Problem, answer, api } from "./client";

/** Makes the connection that a form of another record holds as `made`, and gives its id. */
export function useMakeConnection() {
  const queries = useQueryClient();
  return async (project: string, made: MadeValues): Promise<string> => {
    const body = { project, name: made.name, node: made.node, settings: settingsOf(made.settings) };
    try {
      const { id } = await answer(api.POST("/api/v1/connections", { body }));
      await queries.invalidateQueries({ queryKey: ["records", "connections"] });
      return id;
    } catch (error) {
      if (error instanceof Problem && error.field !== undefined) {
        throw new Problem(error.status, error.kind, error.message, error.hint, `made.${error.field}`);
      }
      throw error;
    }
  };
}
