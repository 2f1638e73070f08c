// A source that is a server of MongoDB, as its form holds it, and back.

import { z } from "zod";

import type { Schemas } from "../api/client";
import { lines } from "./lines";

export type MongodbSpec = Extract<Schemas["SourceSpec"], { type: "mongodb" }>;

export type MongodbWords = { required: string; collection: string };

const ADDRESS = /^mongodb(\+srv)?:\/\/[^\s@]+$/;

type Access = { uri: string; user: string; password: string };

/** What is wrong with how a server is reached. User and password stand apart from the address, and belong together. */
export function wrongAccess({ uri, user, password }: Access, isNew: boolean): (readonly [keyof Access, "uri" | "required"])[] {
  const [isNamed, isTold] = [user.trim() !== "", password !== ""];
  return [
    ...(uri.trim() !== "" && !ADDRESS.test(uri.trim()) ? [["uri", "uri"] as const] : []),
    // The one that is stored stays where none is told.
    ...(isNamed && !isTold && isNew ? [["password", "required"] as const] : []),
    ...(isTold && !isNamed ? [["user", "required"] as const] : []),
  ];
}

/** The hosts of an address. */
export const hostsOf = (uri: string): string => uri.trim().replace(/^mongodb(\+srv)?:\/\//, "").replace(/[/?].*$/s, "");

/** Whether all names of a text, one on each line, can be of databases or collections. */
export const areNames = (text: string): boolean => lines(text).every((name) => !name.startsWith(".") && !name.includes("\0"));

export function mongodbSchema(words: MongodbWords) {
  const names = z.string().refine(areNames, words.collection);
  return z.object({
    connection: z.string().min(1, words.required),
    include: names,
    exclude: names,
    oplog: z.boolean(),
    users: z.boolean(),
  });
}

export type MongodbValues = z.infer<ReturnType<typeof mongodbSchema>>;

export const emptyMongodb: MongodbValues = { connection: "", include: "", exclude: "", oplog: true, users: true };

export const mongodbValues = ({ connection, include = [], exclude = [], oplog = true, users = true }: MongodbSpec): MongodbValues => ({
  connection,
  include: include.join("\n"),
  exclude: exclude.join("\n"),
  oplog,
  users,
});

export const mongodbSpec = ({ connection, include, exclude, oplog, users }: MongodbValues): MongodbSpec => ({
  type: "mongodb",
  connection,
  include: lines(include),
  exclude: lines(exclude),
  oplog,
  users,
});
