;;; asking.el --- What the tests of both clients share -*- lexical-binding: t -*-

(require 'json)
(set-language-environment "UTF-8")
(setq make-backup-files nil
      auto-save-default nil
      create-lockfiles nil
      enable-local-variables :all)

(defun answer (&rest facts)
  "Print a property list of FACTS as JSON on stdout, the only line that is read."
  (princ (format "ANSWER %s\n" (decode-coding-string (json-serialize facts) 'utf-8))))

(defun wait-until (what condition)
  "Let processes and timers run until CONDITION answers something; WHAT names it."
  (let ((end (+ (float-time) 60)) value)
    (while (not (setq value (funcall condition)))
      (when (> (float-time) end)
        (error "%s never came" what))
      (accept-process-output nil 0.05)
      (sit-for 0.01))
    value))

(defun file-setting (name)
  "The JSON object in the environment variable NAME, as a property list."
  (json-parse-string (getenv name) :object-type 'plist :array-type 'array))

(provide 'asking)
;;; asking.el ends here
