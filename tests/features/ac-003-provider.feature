# AC-003 of SPEC-MODEL-001. The scenarios that are no outlines are the specification's, word for word. The first one runs
# against `moai serve`.
Feature: Provider 전환 및 환경 변수 업데이트

  Scenario: 런타임 Provider 전환
    Given 현재 Provider가 "claude"인 상태에서
    When 관리자가 "/api/router/force-model" API를 호출하여 "glm"으로 전환하면
    Then 환경 변수 ZAI_MODEL이 활성화되고
    And 후속 요청이 GLM-4.7로 라우팅되어야 한다

  Scenario: Worktree별 Provider 설정
    Given Worktree "feature-auth"가 존재하고
    And 해당 Worktree의 model_config가 "claude-opus"로 설정된 상태에서
    When 해당 Worktree에서 작업을 수행하면
    Then 분류 결과와 관계없이 Claude Opus가 사용되어야 한다

  # The plan of the SPEC: force model > command > worktree config > classifier > default tier.
  Scenario Outline: 우선순위 - <decided_by>
    Given 사용자가 인증된 상태이고
    And Worktree "feature-auth"가 존재하고
    And Worktree의 모델이 "<worktree>"이고
    When 사용자가 "<message>" 메시지를 "<options> --dry-run" 옵션으로 전송하면
    Then 결정의 근거가 "<decided_by>"이어야 한다
    And 응답의 model_used 필드가 "<model>"이어야 한다

    Examples:
      | options          | message                  | worktree    | decided_by | model         |
      | --model opus     | /moai:2-run SPEC-001     | glm-4.7     | force      | claude-opus   |
      | --tier 2         | /moai:1-plan auth system | claude-opus | force      | glm-4.7       |
      |                  | /moai:1-plan auth system | glm-4.7     | command    | claude-opus   |
      |                  | 코드 구현해줘            | claude-opus | worktree   | claude-opus   |
      |                  | 안녕하세요               | claude-opus | worktree   | claude-opus   |
      |                  | API 설계해줘             |             | classifier | claude-opus   |
      |                  | 안녕하세요               |             | default    | glm-4.7       |
