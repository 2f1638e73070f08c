import { Cloud } from "./cloud";
import { given } from "./peers";
import { expect, test } from "./server";
import { ARCHIVES, documentsOf, fillInBucket, objectsOf, walkThrough, type Goal } from "./services";

// Google Drive's pairs are in drive.spec.ts, as that takes access back meanwhile.

/** A destination with archives in a bucket. */
const inCloud = async (): Promise<Goal> => {
  const bucket = await Cloud.make();
  return {
    name: "In the cloud",
    holds: ARCHIVES,
    connect: async (page, server) => {
      await page.goto(`${server.url}/connections/new?type=s3`);
      await page.getByRole("textbox", { name: "Name", exact: true }).fill("Cloud");
      await fillInBucket(page, bucket);
      await page.getByRole("button", { name: "Try it and save" }).click();
      await expect(page).toHaveURL(`${server.url}/connections`);
      return "Cloud";
    },
  };
};

test("a server of MongoDB goes to archives in a bucket and comes back", async ({ page, server, complaints }) => {
  test.skip(given("CLOUD_URL") === "" || given("MONGODB_URI") === "", "there is no server of S3's or MongoDB's protocol here");
  await walkThrough(page, server, documentsOf(), await inCloud());
  complaints.length = 0;
});

test("a bucket goes to archives in another one and comes back", async ({ page, server, complaints }) => {
  test.skip(given("CLOUD_URL") === "", "there is no server of S3's protocol here");
  await walkThrough(page, server, await objectsOf(server), await inCloud());
  complaints.length = 0;
});
