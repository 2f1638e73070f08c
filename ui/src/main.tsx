import "./styles.css";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Problem } from "./api/client";
import { me } from "./api/queries";
import { makeRouter } from "./router";
import { TextsProvider } from "./texts";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the server has refused it refuses again; a server that starts anew is back in a moment.
      retry: (times, error) => times < 3 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
      staleTime: 5_000,
    },
  },
});

// All pages wait for it; it comes while they do.
void queries.prefetchQuery(me());
const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <TextsProvider>
          <RouterProvider router={makeRouter(queries)} />
        </TextsProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
