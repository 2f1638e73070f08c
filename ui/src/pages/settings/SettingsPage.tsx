import { getRouteApi, Link } from "@tanstack/react-router";

import { PageHead } from "../../components/basics";
import { Missing } from "../../components/Missing";
import { Tabs, tabClass, thisTabClass } from "../../components/Tabs";
import { useTexts } from "../../texts";
import { Checks, Retention, SignIn } from "./lengths";
import { Mail } from "./Mail";
import { OwnerOnly } from "./OwnerOnly";
import { Receiver } from "./Receiver";
import { SingleSignOn } from "./SingleSignOn";
import { Vault } from "./Vault";

const route = getRouteApi("/settings/$section");

const SECTIONS = {
  "sign-in": SignIn,
  mail: Mail,
  "single-sign-on": SingleSignOn,
  retention: Retention,
  checks: Checks,
  receiver: Receiver,
  vault: Vault,
} as const;

type Name = keyof typeof SECTIONS;
const NAMES = Object.keys(SECTIONS) as Name[];

export function SettingsPage() {
  const texts = useTexts();
  const words = texts.people.settings;
  const { section } = route.useParams();
  const name = NAMES.find((name) => name === section);
  if (name === undefined) {
    return <Missing />;
  }
  const Section = SECTIONS[name];
  return (
    <>
      <PageHead title={texts.pages.settings} part={words.tabs[name]} />
      <OwnerOnly>
        <Tabs label={words.sections} chosen={name}>
          {NAMES.map((name) => (
            <li key={name}>
              <Link
                to="/settings/$section"
                params={{ section: name }}
                activeOptions={{ includeSearch: false }}
                activeProps={{ className: thisTabClass }}
                className={tabClass}
              >
                {words.tabs[name]}
              </Link>
            </li>
          ))}
        </Tabs>
        <Section key={name} />
      </OwnerOnly>
    </>
  );
}
