// The server of MongoDB's protocol that the tests are given. It is asked by the driver that is installed along with it.

import { execFileSync } from "node:child_process";

import { given } from "./peers";

export type Doc = { _id: number } & Record<string, unknown>;

const PROGRAM = `
import sys
from bson import json_util
from pymongo import MongoClient
uri, database, collection = sys.argv[1:]
documents = sys.stdin.read()
handle = MongoClient(uri)[database][collection]
if documents != "":
    handle.insert_many(json_util.loads(documents))
print(json_util.dumps(list(handle.find().sort("_id", 1))))
`;

const ask = (database: string, collection: string, documents: string): Doc[] => {
  const python = process.env.BACKSTAY_PEER_SECANTUSDB ?? "python3";
  const program = ["-c", PROGRAM, given("MONGODB_URI"), database, collection];
  return JSON.parse(execFileSync(python, program, { input: documents, encoding: "utf8", maxBuffer: 1 << 24 })) as Doc[];
};

/** All documents of a collection, in their order. */
export const documents = (database: string, collection: string): Doc[] => ask(database, collection, "");

export function insert(database: string, collection: string, added: Doc[]): void {
  ask(database, collection, JSON.stringify(added));
}

/** What a connection is told to reach it. */
export const settings = () => ({ type: "mongodb", uri: given("MONGODB_URI"), allow_private: true });
