import { type ComponentProps, type ReactNode, useId } from "react";
import { visible } from "./text";

interface Props {
  label: string;
  help?: ReactNode;
  wrong?: string | null | undefined;
  children: (props: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ReactNode;
}

/** A label, what goes below it, a help and what is wrong, tied together. */
export function Field({ label, help, wrong, children }: Props) {
  const id = useId();
  const told = help !== undefined || wrong != null;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        ...(told ? { "aria-describedby": `${id}-told` } : {}),
        ...(wrong != null ? { "aria-invalid": true as const } : {}),
      })}
      {told ? (
        <span id={`${id}-told`}>
          {help === undefined ? null : <span className="help">{help} </span>}
          {wrong == null ? null : <span className="wrong">{wrong}</span>}
        </span>
      ) : null}
    </div>
  );
}

type InputProps = { label: string; help?: ReactNode; wrong?: string | null } & Omit<ComponentProps<"input">, "id">;

export function Input({ label, help, wrong, ...rest }: InputProps) {
  return (
    <Field label={label} help={help} wrong={wrong}>
      {(tied) => <input {...tied} {...rest} />}
    </Field>
  );
}

type ChoiceProps = {
  label: string;
  help?: ReactNode;
  of: readonly (string | readonly [string, string])[];
} & Omit<ComponentProps<"select">, "id" | "children">;

/** One of several. */
export function Choice({ label, help, of, ...rest }: ChoiceProps) {
  return (
    <Field label={label} help={help}>
      {(tied) => (
        <select {...tied} {...rest}>
          {of.map((one) => {
            const [value, text] = typeof one === "string" ? [one, one] : one;
            return (
              <option key={value} value={value}>
                {visible(text)}
              </option>
            );
          })}
        </select>
      )}
    </Field>
  );
}
