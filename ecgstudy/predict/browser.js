// A dropped picture goes the way of a chosen one: through the upload button, whose own file input is asked for.
// Files that are too large are refused here, before they travel to the kernel.
(function () {
  const LIMIT = __LIMIT__;
  const say = (text) => {
    const place = document.querySelector(".ecg-status");
    if (place) { place.textContent = text; }
  };
  const read = FileReader.prototype.readAsArrayBuffer;
  FileReader.prototype.readAsArrayBuffer = function (file) {
    if (file.size > LIMIT) {
      say(`${file.name || "This file"} has ${(file.size / 1e6).toFixed(1)} MB; at most ${LIMIT / 1e6} MB are read.`);
      return;
    }
    say("Reading the picture");
    read.call(this, file);
  };
  const give = (files) => {
    const click = HTMLInputElement.prototype.click;
    HTMLInputElement.prototype.click = function () {
      if (this.type !== "file") { return click.call(this); }
      this.files = files;
      this.dispatchEvent(new Event("change"));
    };
    try {
      document.querySelector(".widget-upload").click();
    } finally {
      HTMLInputElement.prototype.click = click;
    }
  };
  const mark = (on) => document.body.classList.toggle("ecg-dropping", on);
  document.addEventListener("dragover", (event) => { event.preventDefault(); mark(true); });
  document.addEventListener("dragleave", () => mark(false));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    if (event.dataTransfer.files.length) { give(event.dataTransfer.files); }
  });
  document.documentElement.lang = "en";
  document.title = "ecgstudy: one's own picture";
})();
