import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { me } from "../../api/queries";
import { Failure, Loading, PageHead } from "../../components/basics";
import { Missing } from "../../components/Missing";
import { Tabs, tabClass, thisTabClass } from "../../components/Tabs";
import type { Me } from "../../lib/may";
import { useTexts } from "../../texts";
import { Factor } from "./Factor";
import { Passkeys } from "./Passkeys";
import { PasswordForm } from "./PasswordForm";
import { Profile } from "./Profile";
import { Sessions } from "./Sessions";
import { Tokens } from "./Tokens";

const route = getRouteApi("/me/$tab");
const TABS = ["profile", "password", "second-factor", "passkeys", "sessions", "tokens"] as const;

export function AccountPage() {
  const texts = useTexts();
  const { tab } = route.useParams();
  const query = useQuery(me());
  const chosen = TABS.find((name) => name === tab);
  if (chosen === undefined) {
    return <Missing />;
  }
  return (
    <>
      <PageHead title={texts.people.account.title} part={texts.people.account.tabs[chosen]} />
      <Tabs label={texts.people.account.parts} chosen={chosen}>
        {TABS.map((name) => (
          <li key={name}>
            <Link
              to="/me/$tab"
              params={{ tab: name }}
              activeOptions={{ includeSearch: false }}
              activeProps={{ className: thisTabClass }}
              className={tabClass}
            >
              {texts.people.account.tabs[name]}
            </Link>
          </li>
        ))}
      </Tabs>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data && <Part tab={chosen} me={query.data} />}
    </>
  );
}

function Part({ tab, me }: { tab: (typeof TABS)[number]; me: Me }) {
  switch (tab) {
    case "profile":
      return <Profile me={me} />;
    case "password":
      return <PasswordForm />;
    case "second-factor":
      return <Factor me={me} />;
    case "passkeys":
      return <Passkeys />;
    case "sessions":
      return <Sessions />;
    case "tokens":
      return <Tokens me={me} />;
  }
}
