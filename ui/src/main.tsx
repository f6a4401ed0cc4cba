import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./style/base.css";
import "./style/kit.css";
import "./style/shell.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { newClient } from "./api/queries";
import { Tips } from "./kit/tip";
import { router } from "./app/router";
import { Sessions } from "./app/session";
import { SignIn } from "./app/sign-in";
import { applyTheme } from "./app/theme";

// What a library puts into the page as style carries the nonce of this load, or the policy refuses it.
setNonce(document.querySelector<HTMLMetaElement>("meta[name=csp-nonce]")?.nonce ?? "");
applyTheme();

const client = newClient();
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no place for the console");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Sessions otherwise={(why) => <SignIn {...why} />}>
        <RouterProvider router={router} />
      </Sessions>
      <Tips />
    </QueryClientProvider>
  </StrictMode>,
);
