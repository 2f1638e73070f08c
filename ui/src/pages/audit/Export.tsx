import { useMutation } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";

import { Button, Failure } from "../../components/basics";
import { allEntries, asCsv, type AuditFilter } from "../../lib/audit";
import { download } from "../../lib/download";
import { useTexts } from "../../texts";

type Form = "csv" | "json";

/** Hands out all entries that the filter lets through, not only those of this page. */
export function Export({ filter }: { filter: AuditFilter }) {
  const texts = useTexts();
  const words = texts.people.audit;
  const [count, setCount] = useState(0);
  const give = useMutation({
    mutationFn: async (form: Form) => {
      setCount(0);
      const entries = await allEntries(filter, setCount);
      if (form === "csv") {
        download("backstay-audit.csv", asCsv(entries), "text/csv;charset=utf-8");
      } else {
        download("backstay-audit.json", `${JSON.stringify(entries, null, 2)}\n`, "application/json");
      }
    },
  });
  return (
    <div className="flex flex-wrap items-center gap-2">
      <span role="status" className="text-sm text-faint tabular-nums">
        {give.isPending && words.exporting(count)}
      </span>
      {(["csv", "json"] as const).map((form) => (
        <Button key={form} disabled={give.isPending} onClick={() => give.mutate(form)}>
          <Download aria-hidden size={16} />
          {words.exportAs(form.toUpperCase())}
        </Button>
      ))}
      {give.error !== null && <Failure error={give.error} />}
    </div>
  );
}
