// The part of the address behind "#" never reaches the server, so it is handed to the login page here.
import { own } from "./http.js";

location.replace(own("login?next=" + encodeURIComponent(location.hash)));
