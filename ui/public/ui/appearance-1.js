// Puts the chosen appearance in force before anything is painted. Browsers keep this file for good: other content needs another name.
(() => {
  const theme = localStorage.getItem("backstay-theme");
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
})();
