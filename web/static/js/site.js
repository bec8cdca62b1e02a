// The one entry of every page. Each module makes one thing nicer; without any of them the page works.
import "./error-focus.js";
import "./submit-guard.js";
import "./reveal-password.js";
import "./copy.js";
import "./choose-one.js";
import "./countdown.js";
import "./local-time.js";
import "./look-again.js";
import "./print.js";
