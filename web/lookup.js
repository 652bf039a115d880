// The box to look a number up with: what is typed is read on this device, and only what is a product's number is sent.

import { pageOf, readCode } from "./codes.js";
import { element } from "./elements.js";
import { fill, say } from "./messages.js";

for (const form of document.querySelectorAll("form.lookup")) guard(form);

function guard(form) {
  const field = form.elements.id;
  const told = element("div", { id: "refused", class: "refused", role: "alert" });
  form.querySelector(".field").after(told);

  // A field of one line drops the ends of lines, and what stood on two would run into one.
  field.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text") ?? "";
    if (!/[\r\n]/.test(text.trim())) return;
    event.preventDefault();
    field.setRangeText(text.trim().replace(/[\r\n]+/g, " "), field.selectionStart, field.selectionEnd, "end");
  });
  field.addEventListener("input", () => {
    told.replaceChildren();
    field.removeAttribute("aria-invalid");
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { asked, rule, values, uri } = readCode(field.value);
    // Not `requestSubmit`, which would come back here.
    if (asked) return form.submit();
    const anyway = uri && element("p", {}, element("a", { href: pageOf(uri) }, say("refused.anyway")));
    told.replaceChildren(element("p", {}, fill(`refused.${rule}`, values), " ", say("refused.kept")), ...(anyway ? [anyway] : []));
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", "refused id-hint");
    field.focus();
  });
}
