import { render } from "preact";
import { App } from "./parts/App";
import { applyTheme } from "./parts/theme";
import { start } from "./state/store";
import "./styles/tokens.css";
import "./styles/page.css";
import "./styles/conversation.css";
import "./styles/panel.css";
import "./styles/graph.css";

applyTheme();
start();
render(<App />, document.getElementById("app")!);
