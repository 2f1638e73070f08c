import { useTexts } from "../../texts";

/** What happens when something is brought back in its place, step by step. */
export function Happens({ steps }: { steps: readonly string[] }) {
  return (
    <>
      <p className="font-semibold">{useTexts().mysql.whatHappens}</p>
      <ol className="mt-1 list-decimal space-y-1 ps-5">
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
    </>
  );
}
