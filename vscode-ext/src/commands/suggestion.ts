/** What can be done about the suggestion on screen, all of it from the keyboard. */

import * as vscode from "vscode";
import { archiveLink, headline, saying, spoken } from "../core/words";
import type { Sources } from "../peek";
import type { ProvenanceLine } from "../provenance";

type Item = vscode.QuickPickItem & { run(): unknown };

const editorCommand = (name: string) => vscode.commands.executeCommand(`editor.action.inlineSuggest.${name}`);

/** Commands by name. */
export function suggestionCommands(line: ProvenanceLine, sources: Sources): Record<string, () => unknown> {
  return {
    "sc-attrib.nextSuggestion": async () => {
      await editorCommand("showNext");
      line.turn(1);
    },
    "sc-attrib.previousSuggestion": async () => {
      await editorCommand("showPrevious");
      line.turn(-1);
    },
    "sc-attrib.hideSuggestion": async () => {
      await editorCommand("hide");
      line.clear();
    },
    "sc-attrib.replaceSuggestion": async () => {
      await editorCommand("hide");
      await editorCommand("trigger");
    },
    "sc-attrib.describeSuggestion": () => describe(line, sources),
  };
}

/** A list that says where the suggestion comes from, and what can be done about it. */
async function describe(line: ProvenanceLine, sources: Sources): Promise<void> {
  const provenance = line.current;
  if (provenance === undefined) {
    void vscode.window.showInformationMessage("There is no suggestion on screen.");
    return;
  }
  const matches = provenance.matches.map(
    (match): Item => ({
      label: `$(references) ${headline(match)}`,
      description: saying(match.verdict),
      detail: match.license.evidence.join(" · "),
      run: () => sources.peek(match.source.swhid),
    }),
  );
  const links = provenance.matches.slice(0, 1).map(
    ({ source }): Item => ({
      label: "$(link-external) Open the source in the Software Heritage archive",
      run: () => vscode.env.openExternal(vscode.Uri.parse(archiveLink(source.swhid))),
    }),
  );
  const others: Item = { label: "$(refresh) Ask for other suggestions", run: () => editorCommand("trigger") };
  const title = `This suggestion is ${spoken(provenance)}`;
  line.clear(); // an editor that loses the focus hides its ghost text
  const chosen = await vscode.window.showQuickPick([...matches, ...links, others], { title, placeHolder: provenance.model });
  await (chosen ?? others).run();
}
