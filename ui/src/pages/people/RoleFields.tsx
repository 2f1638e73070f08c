import { SelectField } from "../../components/fields";
import { ROLES, type Me } from "../../lib/may";
import { useTexts } from "../../texts";

/** A role in each project that one knows of. */
export function RoleFields({ me }: { me: Me }) {
  const texts = useTexts();
  const choices = [
    ["", texts.people.noRole] as const,
    ...ROLES.map((role) => [role, `${texts.people.roles[role]}: ${texts.people.roleHints[role]}`] as const),
  ];
  return me.roles.map(({ project, name }) => (
    <SelectField key={project} name={`roles.${project}`} label={texts.people.roleIn(name)} choices={choices} />
  ));
}
