;;; lsp-mode-test.el --- lsp-mode against the real server -*- lexical-binding: t -*-

(require 'asking)
(setq lsp-auto-guess-root t
      lsp-session-file (expand-file-name "session" (getenv "HOME"))
      lsp-restart 'ignore
      lsp-enabled-clients '(sc-attrib)
      lsp-enable-snippet nil
      lsp-enable-suggest-server-download nil
      lsp-diagnostics-provider :flymake
      lsp-enable-file-watchers nil)
;; What installing the package writes down, and Debian does when it is configured.
(let* ((folder (file-name-directory (locate-library "lsp-mode")))
       (written (expand-file-name "lsp-mode-autoloads.el" folder)))
  (loaddefs-generate folder written)
  (load written nil t))
(load (getenv "CONFIGURATION") nil t)
(lsp-register-custom-settings
 (let (settings)
   (map-do (lambda (table values)
             (map-do (lambda (name value)
                       (push (list (concat "sc-attrib" (string-replace ":" "." (symbol-name table))
                                           (string-replace ":" "." (symbol-name name)))
                                   value)
                             settings))
                     values))
           (file-setting "SETTINGS"))
   settings))

(find-file "pasted.py")
(lsp)
(wait-until "a server" (lambda () (bound-and-true-p lsp--buffer-workspaces)))
(let ((marks (wait-until "a mark" (lambda ()
                                    (gethash (lsp--fix-path-casing buffer-file-name) (lsp-diagnostics t))))))
  (answer :mark (lsp:diagnostic-message (car marks))
          :link (gethash "href" (gethash "codeDescription" (car marks)))))

(find-file "typed.py")
(switch-to-buffer (current-buffer))
(lsp)
(wait-until "a server" (lambda () (bound-and-true-p lsp--buffer-workspaces)))
(goto-char (point-max))
(wait-until "ghost text" (lambda ()
                           (lsp-inline-completion-display)
                           (lsp-inline-completion--active-p)))
(answer :ghost (substring-no-properties (overlay-get lsp-inline-completion--overlay 'after-string))
        :before (buffer-string))
(lsp-inline-completion-accept)
(answer :text (buffer-string))
(set-buffer-modified-p nil)
(sit-for 1)
;;; lsp-mode-test.el ends here
