import { enter, PASSWORD } from "./enter";
import { accessible, expect, OWNER, test } from "./server";

test("a person is invited with roles, and chooses a password by the link", async ({ page, server, complaints }) => {
  await server.call("POST", "/projects", { name: "Büro" });
  await server.open(page, "/people");
  await accessible(page);
  await page.getByRole("link", { name: "Add a person" }).click();
  await expect(page).toHaveURL(`${server.url}/people/new`);
  await accessible(page);
  await page.getByLabel("Name", { exact: true }).fill("غريس <i>Hopper</i>");
  await page.getByLabel("E-mail address").fill("no address");
  await page.getByLabel("Role in Büro").selectOption("operator");
  await page.getByRole("button", { name: "Add the person" }).click();
  await expect(page.getByText("it has to be a mail address").first()).toBeVisible();
  await page.getByLabel("E-mail address").fill("grace@example.org");
  await page.getByRole("button", { name: "Add the person" }).click();
  const link = await page.getByLabel("Link to a new password").inputValue();
  await expect(page.getByText("No mail was sent.")).toBeVisible();
  await accessible(page);
  await page.getByRole("link", { name: "To the list of people" }).click();
  await expect(page.getByRole("row", { name: "grace@example.org" })).toContainText("Büro: Operator");
  await page.getByLabel("Name or address").fill("HOPPER");
  await expect(page).toHaveURL(`${server.url}/people?name=HOPPER`);
  await expect(page.getByRole("row")).toHaveCount(2);
  await page.getByLabel("Name or address").fill("nobody");
  await expect(page.getByText("Nobody is called like that")).toBeVisible();

  await page.context().clearCookies();
  await page.goto(link.replace(/^https?:\/\/[^/]+/, server.url));
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button").first().click();
  await expect(page.getByText("The new password is set.")).toBeVisible();
  const response = await fetch(`${server.url}/api/v1/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "grace@example.org", password: PASSWORD }),
  });
  expect(response.status).toBe(200);
  complaints.length = 0;
});

test("a person's roles are changed, access is reset, and the last owner stays", async ({ page, server, complaints }) => {
  const office = await server.call("POST", "/projects", { name: "Office" });
  const grace = await server.call("POST", "/people", {
    name: "Grace",
    email: "grace@example.org",
    grants: [{ project: office.id, role: "admin" }],
    password: PASSWORD,
  });
  await server.open(page, `/people/${grace.id}`);
  await accessible(page);
  await page.getByLabel("Role in Office").selectOption("viewer");
  await page.getByLabel("Bar this person from signing in").check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  expect(await server.call("GET", `/people/${grace.id}`)).toMatchObject({
    disabled: true,
    grants: [{ project: office.id, role: "viewer" }],
  });
  await page.getByLabel("Bar this person from signing in").uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Make a password link" }).click();
  expect(await page.getByLabel("Link to a new password").inputValue()).toMatch(/\/reset#.+/);
  await accessible(page);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page).toHaveURL(`${server.url}/people`);
  await expect(page.getByRole("row")).toHaveCount(2);

  await page.getByRole("row").getByRole("link", { name: OWNER.name }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("alert")).toContainText("this is the last owner of the server");
  expect(await server.items("/people")).toHaveLength(1);
  complaints.length = 0;
});

test("owners of a project change its people; others see none of it", async ({ page, server }) => {
  const office = await server.call("POST", "/projects", { name: "Office" });
  const grace = await server.call("POST", "/people", {
    name: "Grace",
    email: "grace@example.org",
    grants: [{ project: office.id, role: "viewer" }],
    password: PASSWORD,
  });
  await server.open(page);
  await enter(page, server, "olga@example.org", [{ project: office.id, role: "owner" }], "/people");
  await expect(page.getByRole("link", { name: "Add a person" })).toHaveCount(0);
  await page.getByLabel("Role: Grace").selectOption("operator");
  await expect.poll(async () => (await server.call("GET", `/people/${grace.id}`)).grants).toEqual([
    { project: office.id, role: "operator" },
  ]);
  await accessible(page);
  await page.getByRole("button", { name: "Remove from the project: Grace" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove from the project" }).click();
  await expect(page.getByText("grace@example.org")).toHaveCount(0);
  expect((await server.call("GET", `/people/${grace.id}`)).grants).toEqual([]);

  await enter(page, server, "victor@example.org", [{ project: office.id, role: "viewer" }], "/people");
  const pages = page.getByRole("navigation", { name: "Pages" }).getByRole("link");
  await expect(pages.filter({ hasText: /People|Projects|Audit|Settings/ })).toHaveCount(0);
  await expect(page.getByText("There is nobody to show")).toBeVisible();
});

test("a project is made, renamed, and deleted once it is empty", async ({ page, server, complaints }) => {
  await server.plan("Letters");
  await server.open(page, "/projects");
  await page.getByLabel("Name", { exact: true }).fill("<script>alert(1)</script>");
  await page.getByRole("button", { name: "Make the project" }).click();
  await expect(page.getByRole("heading", { name: "<script>alert(1)</script>" })).toBeVisible();
  await accessible(page);
  await page.getByRole("link", { name: "Rename: <script>alert(1)</script>" }).click();
  await expect(page).toHaveURL(/\/projects\?edit=/);
  await accessible(page);
  await page.getByLabel("Name", { exact: true }).first().fill("Warehouse");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "Warehouse" })).toBeVisible();
  await expect(page).toHaveURL(`${server.url}/projects`);
  await page.getByRole("button", { name: "Delete: Warehouse" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("heading", { name: "Warehouse" })).toHaveCount(0);
  const left = await server.items("/projects");
  expect(left).toHaveLength(1);
  await page.getByRole("button", { name: `Delete: ${left[0]?.name}` }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("alert")).toContainText("the home project stays");
  complaints.length = 0;
});
