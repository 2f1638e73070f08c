import { useQuery } from "@tanstack/react-query";

import { me, recoveryKits } from "../api/queries";
import { Card, Empty, Failure, Loading, PageHead } from "../components/basics";
import { useProject } from "../components/project";
import { Kit } from "../components/RecoveryKit";
import { useTexts } from "../texts";

/** The recovery kits of one's projects: what opens the backups when this server is gone. */
export function RecoveryPage() {
  const texts = useTexts();
  const words = texts.guide.recovery;
  const query = useQuery(recoveryKits(useProject()));
  const names = new Map(useQuery(me()).data?.roles.map(({ project, name }) => [project, name]));
  return (
    <>
      <PageHead title={words.title} />
      <p className="mb-4 max-w-3xl text-sm text-faint">{words.hint}</p>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.length === 0 && <Empty title={words.nobody} />}
      <ul className="grid max-w-3xl gap-4">
        {query.data?.map((kit) => (
          <li key={kit.project}>
            <Card title={names.get(kit.project) ?? ""}>
              <Kit kit={kit} />
            </Card>
          </li>
        ))}
      </ul>
    </>
  );
}
