// The part of the address behind "#" never reaches the server, so it is handed to the login page here.
"use strict";
location.replace(
  document.documentElement.dataset.base + "prokube-auth/login?next=" + encodeURIComponent(location.hash),
);
