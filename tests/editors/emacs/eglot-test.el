;;; eglot-test.el --- Eglot against the real server -*- lexical-binding: t -*-

(require 'asking)
(require 'flymake)
(load (getenv "CONFIGURATION") nil t)
(setq-default eglot-workspace-configuration (list :sc-attrib (file-setting "SETTINGS")))

(defun visit (file)
  "Open FILE and connect, as Emacs does after the command that opens it."
  (find-file file)
  (run-hooks 'post-command-hook)
  (wait-until "a server" #'eglot-current-server))

;; Marks on a file into which known code was copied.
(visit "pasted.py")
(flymake-mode 1)
(let* ((marks (wait-until "a mark" (lambda () (flymake-diagnostics))))
       (mark (car marks)))
  (answer :mark (flymake-diagnostic-text mark)
          :line (line-number-at-pos (flymake-diagnostic-beg mark))))

;; A quick fix, as M-x eglot-code-actions offers it.
(goto-char (flymake-diagnostic-beg (car (flymake-diagnostics))))
(let* ((actions (eglot-code-actions (point) (point)))
       (chosen (seq-find (lambda (action)
                           (string-prefix-p "Attribute to" (plist-get action :title)))
                         actions))
       (eglot-confirm-server-edits nil))
  (eglot-execute (eglot-current-server) chosen)
  (answer :actions (vconcat (mapcar (lambda (action) (plist-get action :title)) actions))
          :attributed (buffer-string)))

;; A suggestion at the end of a function's head.
(visit "typed.py")
(goto-char (point-max))
(eglot--signal-textDocument/didChange)
(let* ((offer (eglot-completion-at-point))
       (table (nth 2 offer))
       (names (wait-until "a suggestion" (lambda () (all-completions "" table))))
       (annotate (plist-get (nthcdr 3 offer) :annotation-function))
       (label (car names)))
  (answer :label (substring-no-properties label)
          :source (funcall annotate label))
  (insert label)
  (funcall (plist-get (nthcdr 3 offer) :exit-function) label 'finished)
  (eglot--signal-textDocument/didChange)
  (answer :text (buffer-string)))
(set-buffer-modified-p nil)
(eglot-shutdown-all)
;;; eglot-test.el ends here
