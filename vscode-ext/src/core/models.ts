/** The models that `sc-attrib model list --format json` knows, as choices. */

export interface Model {
  readonly name: string;
  readonly state: string;
  readonly path: string | null;
  readonly parameters: number | null;
  readonly license: string;
  readonly needed_bytes: number | null;
  readonly fits: boolean | null;
}

export interface ModelChoice {
  readonly label: string;
  readonly description: string;
  readonly detail: string;
  /** For the setting; empty for the bundled one. */
  readonly path: string;
}

export function readModels(text: string): Model[] {
  const { models } = JSON.parse(text) as { models: Model[] };
  return models;
}

/** Those that are on this machine; the one in use is marked with a word. */
export function modelChoices(models: readonly Model[], present: string): ModelChoice[] {
  return models.flatMap((model) => {
    if (model.path === null) return [];
    const path = model.state === "bundled" ? "" : model.path;
    const description = [model.state, ...(path === present ? ["in use"] : [])].join(", ");
    return [{ label: model.name, description, detail: facts(model), path }];
  });
}

function facts({ parameters, license, needed_bytes, fits }: Model): string {
  return [
    ...(parameters === null ? [] : [`${(parameters / 1e6).toFixed(0)}M parameters`]),
    license,
    ...(needed_bytes === null ? [] : [`${(needed_bytes / 2 ** 20).toFixed(0)} MiB of memory`]),
    ...(fits === false ? ["does not fit into memory"] : []),
  ].join(" · ");
}
