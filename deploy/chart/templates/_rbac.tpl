{{- /* The account of a component: the dashboard in the watcher's pod has the watcher's. Call: (list $ "webhook"). */ -}}
{{- define "auditor.account" -}}
{{- $root := first . }}{{ $component := last . -}}
{{- if and (eq $component "dashboard") (include "auditor.sidecar" $root) }}{{ $component = "watch" }}{{ end -}}
{{ include "auditor.name" $root }}-{{ $component }}
{{- end }}

{{- /* Call: (list $ "webhook" KIND ROLE). */ -}}
{{- define "auditor.binding" }}
{{- $root := first . }}{{ $component := index . 1 }}{{ $kind := index . 2 }}{{ $role := last . }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ $role }}
  {{- if eq $kind "Role" }}
  namespace: {{ $root.Release.Namespace }}
  {{- end }}
  {{- include "auditor.metadata" (list $root $component) | nindent 2 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: {{ $kind }}, name: {{ $role }}}
subjects:
  - {kind: ServiceAccount, name: {{ include "auditor.account" (list $root $component) }}, namespace: {{ $root.Release.Namespace }}}
{{- end }}

{{- /* A ClusterRole that others extend: by values, and by `auditor rbac --derived-only`. Call: (list $ "webhook"). */ -}}
{{- define "auditor.extended" }}
{{- $root := first . }}{{ $component := last . }}
{{- $name := printf "%s-%s" (include "auditor.name" $root) $component }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $name }}-extended
  {{- include "auditor.metadata" (list $root $component) | nindent 2 }}
aggregationRule:
  clusterRoleSelectors:
    - matchLabels: {auditor.dev/aggregate-to-{{ $component }}: {{ include "auditor.name" $root }}}
{{- include "auditor.binding" (list $root $component "ClusterRole" (printf "%s-extended" $name)) }}
{{- end }}

{{- /* Labels of a ClusterRole that extends that of a component. */ -}}
{{- define "auditor.extension" -}}
{{- $root := first . }}{{ $component := last . -}}
labels:
  {{- include "auditor.selector" (list $root $component) | nindent 2 }}
  {{- include "auditor.labels" $root | nindent 2 }}
  auditor.dev/aggregate-to-{{ $component }}: {{ include "auditor.name" $root }}
{{- with $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
