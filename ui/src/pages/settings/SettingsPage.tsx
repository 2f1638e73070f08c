import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { me } from "../../api/queries";
import { Empty, Failure, Loading, PageHead } from "../../components/basics";
import { Missing } from "../../components/Missing";
import { Tabs, tabClass, thisTabClass } from "../../components/Tabs";
import { useTexts } from "../../texts";
import { Checks, Retention, SignIn } from "./lengths";
import { Mail } from "./Mail";
import { SingleSignOn } from "./SingleSignOn";
import { Vault } from "./Vault";

const route = getRouteApi("/settings/$section");

const SECTIONS = {
  "sign-in": SignIn,
  mail: Mail,
  "single-sign-on": SingleSignOn,
  retention: Retention,
  checks: Checks,
  vault: Vault,
} as const;

type Name = keyof typeof SECTIONS;
const NAMES = Object.keys(SECTIONS) as Name[];

export function SettingsPage() {
  const texts = useTexts();
  const words = texts.people.settings;
  const { section } = route.useParams();
  const query = useQuery(me());
  const name = NAMES.find((name) => name === section);
  if (name === undefined) {
    return <Missing />;
  }
  const Section = SECTIONS[name];
  return (
    <>
      <PageHead title={texts.pages.settings} part={words.tabs[name]} />
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.owns_server === false && <Empty title={words.notYours} hint={words.notYoursHint} />}
      {query.data?.owns_server === true && (
        <>
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
        </>
      )}
    </>
  );
}
