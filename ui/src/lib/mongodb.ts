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

/** What stands between a name and the one that takes its place. */
const BECOMES = " = ";

/** Names and those that take their places, from a text with one pair on each line: databases, and collections by their full names. */
export function renamesOf(text: string) {
  const pairs = lines(text).map((line) => {
    const [from = "", ...to] = line.split(BECOMES);
    return { from: from.trim(), to: to.join(BECOMES).trim() };
  });
  const isCollection = ({ from }: { from: string }) => from.includes(".");
  return { databases: pairs.filter((pair) => !isCollection(pair)), collections: pairs.filter(isCollection) };
}

/** That text. */
export const renamesText = (pairs: readonly { from: string; to: string }[]): string => pairs.map(({ from, to }) => from + BECOMES + to).join("\n");

/** Whether names come back from that text as they are. */
export const areTypable = (pairs: readonly { from: string; to: string }[]): boolean =>
  pairs.every(({ from, to }) => !from.includes(BECOMES) && lines(from)[0] === from && lines(to)[0] === to);

/** Whether each line of a text has a name and another one of the same kind. */
export function areRenames(text: string): boolean {
  const { databases, collections } = renamesOf(text);
  const isFull = (name: string) => /^[^.]+\..+/.test(name);
  return areNames(text) && databases.every(({ from, to }) => from !== "" && to !== "" && !to.includes(".")) && collections.every(({ from, to }) => isFull(from) && isFull(to));
}

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
